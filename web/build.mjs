// Builds the client: node build.mjs [--dev | --tests]. What lies in dist/ afterwards is all that a server needs to send.
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import * as esbuild from "esbuild";

const dev = process.argv.includes("--dev");

const shared = {
    bundle: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    define: { global: "globalThis", "process.env.NODE_ENV": dev ? '"development"' : '"production"' },
    // The package names its wasm by new URL(), which a bundler does not see; client.ts fetches it by this name instead.
    alias: { "crypto.wasm": "./node_modules/@matrix-org/matrix-sdk-crypto-wasm/pkg/matrix_sdk_crypto_wasm_bg.wasm" },
    loader: { ".wasm": "file", ".woff2": "file", ".svg": "file", ".mp3": "file" },
    logLevel: "warning",
};

async function buildClient() {
    await rm("dist", { recursive: true, force: true });
    const { metafile } = await esbuild.build({
        ...shared,
        entryPoints: { app: "src/main.tsx", style: "src/style/index.css" },
        outdir: "dist/assets",
        entryNames: "[name]-[hash]",
        chunkNames: "[name]-[hash]",
        assetNames: "[name]-[hash]",
        publicPath: "/assets",
        splitting: true,
        minify: !dev,
        sourcemap: dev,
        metafile: true,
        legalComments: "none",
    });
    const outputs = Object.entries(metafile.outputs);
    const named = (entry) => outputs.find(([, o]) => o.entryPoint === entry)[0].replace("dist", "");
    await cp("public", "dist", { recursive: true });
    const html = (await readFile("src/index.html", "utf8"))
        .replace("{{script}}", named("src/main.tsx"))
        .replace("{{style}}", named("src/style/index.css"));
    await writeFile("dist/index.html", html);
    await buildServiceWorker(outputs.map(([name]) => name.replace("dist", "")).filter((name) => /\.(js|css|woff2)$/.test(name)));
    await writeFile("dist/assets/licences.txt", await licences(metafile));
}

/** The list of files is part of the worker, so that a new build is a new worker. */
async function buildServiceWorker(files) {
    const version = createHash("sha256").update(files.join() + (await readFile("dist/index.html"))).digest("hex").slice(0, 12);
    await esbuild.build({
        ...shared,
        entryPoints: ["src/sw.ts"],
        outfile: "dist/sw.js",
        minify: !dev,
        define: { ...shared.define, FILES: JSON.stringify(files), VERSION: JSON.stringify(version) },
    });
}

/** The licences of what is in the bundle have to be passed on with it. */
async function licences(metafile) {
    const packages = new Set();
    for (const name of Object.keys(metafile.inputs)) {
        const found = name.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/);
        if (found) packages.add(found[1]);
    }
    const texts = [...packages].sort().map(async (name) => {
        const file = (await readdir(`node_modules/${name}`)).find((f) => /^licen[sc]e/i.test(f));
        const text = file ? await readFile(`node_modules/${name}/${file}`, "utf8") : JSON.parse(await readFile(`node_modules/${name}/package.json`)).license;
        return `--- ${name}\n${text}\n`;
    });
    return (await Promise.all(texts)).join("\n");
}

async function buildTests() {
    await rm("../build/web-tests", { recursive: true, force: true });
    await mkdir("../build/web-tests", { recursive: true });
    const names = (await readdir("tests/unit")).filter((name) => name.endsWith(".test.ts"));
    await esbuild.build({
        ...shared,
        entryPoints: names.map((name) => `tests/unit/${name}`),
        outdir: "../build/web-tests",
        outExtension: { ".js": ".mjs" },
        platform: "node",
        banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    });
}

await (process.argv.includes("--tests") ? buildTests() : buildClient());
