import { runService } from '@baton/runtime';
import { startGateway } from './service.ts';

await runService('gateway', startGateway);
