import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import type { System } from './system-fixture.ts';

/** The tasks of `fixture-isolated.ts`, as a worker loads them. */
export const ISOLATED_TASKS = fileURLToPath(new URL('./fixture-isolated.mjs', import.meta.url));

/** What a handler of `fixture-isolated.ts` wrote. */
type Effect = { readonly what: string; readonly task: string; readonly attempt: number; readonly pid: number };

/** What the handlers of one task wrote, in order. */
export const effectsOf = ({ effectsPath }: Pick<System, 'effectsPath'>, { uuid }: TaskHandle): readonly string[] =>
  (existsSync(effectsPath) ? readFileSync(effectsPath, 'utf8') : '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Effect)
    .filter((effect) => effect.task === uuid)
    .map(({ what }) => what);

export const untilEffect = (system: System, handle: TaskHandle, what: string): Promise<void> =>
  eventually(() => assert.ok(effectsOf(system, handle).includes(what), `no '${what}' yet`), { limitMs: 10_000 });
