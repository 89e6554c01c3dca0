// Hydrogen as its package is meant to be started: all that is seen and all that is asked of the server is its own.
import { FeatureSet, Platform, RootViewModel, createNavigation, createRouter } from 'hydrogen-view-sdk';
import 'hydrogen-view-sdk/theme-element-light.css';
import downloadSandbox from 'hydrogen-view-sdk/download-sandbox.html?url';
import worker from 'hydrogen-view-sdk/main.js?url';
import wasm from '@matrix-org/olm/olm.wasm?url';
import wasmBundle from '@matrix-org/olm/olm.js?url';
import legacyBundle from '@matrix-org/olm/olm_legacy.js?url';

const assetPaths = { downloadSandbox, worker, serviceWorker: 'sw.js', olm: { wasm, wasmBundle, legacyBundle } };
const platform = new Platform({ container: document.body, assetPaths, configURL: 'config.json', options: { development: false } });
await platform.init();
const features = await FeatureSet.load(platform.settingsStorage);
const navigation = createNavigation();
platform.setNavigation(navigation);
const urlRouter = createRouter({ navigation, history: platform.history });
urlRouter.attach();
const view = new RootViewModel({ platform, urlRouter, navigation, features });
await view.load();
platform.createAndMountRootView(view);
