import { runService } from '@baton/runtime';
import { startWorker } from './service.ts';

await runService('worker', startWorker);
