import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect } from '@baton/sdk';
import { createApp } from './app.ts';
import { exportOrders } from './tasks.ts';

const port = Number(process.env['PORT'] ?? 3_000);
const gatewayPort = Number(process.env['GATEWAY_PORT'] ?? 8_090);
const origin = `http://127.0.0.1:${port}`;
const secret = process.env['BATON_JWT_SECRET'] ?? randomBytes(32).toString('hex');

// In operation the gateway is a service of its own, with the same secret. This one knows users by token alone.
const gateway = spawn(process.execPath, [process.env['BATON_CLI'] ?? 'baton.mjs', 'gateway'], {
  env: {
    ...process.env,
    BATON_AUTH: 'jwt',
    BATON_JWT_SECRET: secret,
    BATON_HTTP_PORT: String(gatewayPort),
    BATON_CORS_ORIGINS: origin,
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const gatewayEnded = new Promise<void>((resolve) => gateway.once('close', () => resolve()));
await new Promise<void>((resolve, reject) => {
  let log = '';
  gateway.stdout.on('data', (text: Buffer) => {
    log += text.toString();
    if (log.includes('"msg":"started"')) resolve();
  });
  gateway.once('close', (code) => reject(new Error(`the gateway ended with ${code}:\n${log}`)));
});

const baton = await connect({ servers: process.env['NATS_URL'] });
const worker = await baton.startWorker({ tasks: [exportOrders] });
const app = createApp({ baton, gatewayUrl: `http://127.0.0.1:${gatewayPort}`, secret });
await app.listen({ port, host: '127.0.0.1' });
console.log(`the shop is open at ${origin}/ (Ctrl-C closes it)`);

let closing = false;
const close = async (): Promise<void> => {
  if (closing) return;
  closing = true;
  await app.close();
  await worker.drain({ grace: '2s' });
  await baton.close();
  gateway.kill('SIGTERM');
  await gatewayEnded;
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void close());
