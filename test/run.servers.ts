// Bundled beside the tests and loaded by run.mjs: the runner is plain JavaScript and @baton/local is TypeScript.
export { ensureGoTool, ensurePromtool, startLocalServers } from '@baton/local';
