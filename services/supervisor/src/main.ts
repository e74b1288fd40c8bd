import { runService } from '@baton/runtime';
import { startSupervisor } from './service.ts';

await runService('supervisor', startSupervisor);
