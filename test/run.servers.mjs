// NATS and MongoDB for one run: those of the environment, else fresh local ones with data that goes afterwards.
const slowMs = 2_000;

/** Downloads and installations take minutes on a new machine: what goes on is said, what is quick is not. */
const print = (event) => {
  if (event.kind === 'note') console.log(`     ${event.server}: ${event.text}`);
  if (event.kind === 'finished' && event.tookMs > slowMs) {
    console.log(`     ${event.server}: ${event.step} (${Math.round(event.tookMs / 1000)} s)`);
  }
};

/**
 * @param {string} bundle URL of the bundled run.servers.ts
 * @returns {Promise<{ env: { NATS_URL: string, MONGODB_URL: string }, stop: () => Promise<void> }>}
 */
export const startServers = async (bundle) => {
  const { NATS_URL, MONGODB_URL } = process.env;
  if (NATS_URL && MONGODB_URL) return { env: { NATS_URL, MONGODB_URL }, stop: async () => {} };

  const { startLocalServers } = await import(bundle);
  const servers = await startLocalServers({
    durability: 'lazy', // quick; a test that is about fsync starts its own server
    report: print,
    onUnexpectedExit: (exit) => console.log(`     a server ended by itself: ${JSON.stringify(exit)}`),
  });
  return {
    env: { NATS_URL: NATS_URL ?? servers.natsUrl, MONGODB_URL: MONGODB_URL ?? servers.mongoUrl },
    stop: () => servers.stop(),
  };
};

/**
 * Builds what tests are going to look for, before any of them runs: a compiler beside them takes the processor from what
 * they wait for. One that cannot be had is told of by the tests that need it.
 * @param {string} bundle URL of the bundled run.servers.ts
 * @param {readonly string[]} tools
 */
export const ensureTools = async (bundle, tools) => {
  if (tools.length === 0) return;
  const { ensureGoTool, ensurePromtool } = await import(bundle);
  for (const tool of new Set(tools)) {
    const found = tool === 'promtool' ? ensurePromtool({ report: print }) : ensureGoTool(tool, { report: print });
    await found.catch((error) => console.log(`     ${tool}: ${error.message}`));
  }
};
