export { heldWorker, startWorker } from './service.ts';
