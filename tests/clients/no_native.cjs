// node -r ./no_native.cjs: stands in for the native encryption library of matrix-bot-sdk, which is fetched from elsewhere when it is
// installed. The bot runs without encryption.
const Module = require('module');

const load = Module._load;
const stub = new Proxy(function () {}, {
    get(target, key) {
        if (key === 'then') return undefined;
        if (key === Symbol.toPrimitive) return () => 0;
        return key === 'prototype' ? target.prototype : stub;
    },
    construct() { throw new Error('no native encryption here'); },
});
Module._load = function (request, ...rest) {
    return request === '@matrix-org/matrix-sdk-crypto-nodejs' ? stub : load.call(this, request, ...rest);
};
