export { startWorker } from './service.ts';
