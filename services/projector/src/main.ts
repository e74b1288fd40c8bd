import { constants, setPriority } from 'node:os';
import { runService } from '@baton/runtime';
import { projectorService } from './service.ts';

// On a small machine tasks come first: a list may be a moment older, a task should not start a moment later.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

await runService('projector', projectorService);
