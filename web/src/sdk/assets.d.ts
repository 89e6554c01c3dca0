declare module "crypto.wasm" {
    const url: string;
    export default url;
}
