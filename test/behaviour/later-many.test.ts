// limit: 300s, alone
// Ten thousand delayed starts and a restart of everything, on real processes. The time of a start is taken in its body.
import * as assert from 'uvu/assert';
import { startsIn } from '../support/effect-starts.ts';
import { eventually } from '../support/eventually.ts';
import { double } from '../support/fixture-tasks.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';

const test = stagedSuite('behaviour: ten thousand delayed starts', { ownNats: true });

const SECOND = 1_000;
/** Tasks without a delay, two a second while the delayed ones start: how long a start takes here and now. */
const controlled = async (stage: Stage, from: number, to: number) => {
  const client = stage.as('x7.control');
  const made: { readonly uuid: string; readonly at: number }[] = [];
  await eventually(
    async () => {
      if (Date.now() < from) throw new Error('not yet');
      const at = Date.now();
      const { uuid } = await client.schedule(double.definition, [1]);
      made.push({ uuid, at });
      if (Date.now() < to) throw new Error('not over yet');
    },
    { limitMs: to - Date.now() + 20_000, everyMs: 500 },
  );
  await eventually(
    () => {
      const starts = startsIn(stage.effectsPath);
      assert.ok(made.every(({ uuid }) => starts.has(uuid)));
    },
    { limitMs: 20_000, everyMs: 500 },
  );
  return made;
};

const TASKS = 10_000;
const MISSED = 300;
/** Starts are spread over this long, and begin this long after the first submit: submitting and the restart fit into it. */
const SPREAD_MS = 40_000;
const AHEAD_MS = 45_000;

test(
  'X7 ten thousand delayed tasks start on time after a restart of everything',
  async (stage) => {
    const { nats, supervisors, workers, projectors } = stage;
    const client = stage.as('x7.many');
    const first = Date.now() + AHEAD_MS;
    const dues = new Map<string, number>();
    const schedule = async (runAt: number): Promise<void> => {
      const { uuid } = await client.schedule(double.definition, [1], { runAt: new Date(runAt) });
      dues.set(uuid, runAt);
    };
    for (let at = 0; at < TASKS; at += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, i) => schedule(Math.round(first + ((at + i) * SPREAD_MS) / TASKS))),
      );
    }
    const submitted = Date.now();
    assert.ok(submitted < first - 10_000, `submitting took ${AHEAD_MS - (first - submitted)} ms`);
    const missed = Date.now() + 2_500;
    await Promise.all(Array.from({ length: MISSED }, () => schedule(missed)));

    const services = [...supervisors, ...workers, ...projectors];
    await Promise.all(services.map((service) => service.kill()));
    await nats.kill();
    await eventually(() => Date.now() > missed + 500, { limitMs: 10_000 });
    await nats.restart();
    await Promise.all(services.map((service) => service.start()));
    const back = Date.now();
    assert.ok(back < first, `everything is back ${back - first} ms after the first start was due`);

    const started = (): number => {
      const starts = startsIn(stage.effectsPath);
      return [...dues.keys()].filter((id) => starts.has(id)).length;
    };
    const control = await controlled(stage, first, first + SPREAD_MS);
    await eventually(() => assert.is(started(), dues.size), { limitMs: AHEAD_MS + SPREAD_MS, everyMs: 1_000 });
    const starts = startsIn(stage.effectsPath);
    const late = [...dues].map(([id, runAt]) => (starts.get(id) ?? 0) - Math.max(runAt, runAt === missed ? back : 0));
    const onTime = late.filter((_, i) => i < TASKS).toSorted((a, b) => a - b);
    const afterOutage = Math.max(...late.slice(TASKS));
    const [p50, p99, max] = [0.5, 0.99, 1].map((share) => Math.round(onTime[Math.ceil(share * TASKS) - 1] ?? 0));
    console.log(
      `late: p50 ${p50} ms, p99 ${p99} ms, max ${max} ms; after the outage max ${Math.round(afterOutage)} ms`,
    );
    assert.ok((onTime[0] ?? -1) >= 0, `one started ${onTime[0]} ms before its time`);
    // What is not delayed waits as well while this machine is busy with something else.
    const waits = control.map((id) => (starts.get(id.uuid) ?? 0) - id.at).toSorted((a, b) => a - b);
    const busy = waits.at(-1) ?? 0;
    console.log(
      `undelayed ones beside them waited: p50 ${Math.round(waits[waits.length >> 1] ?? 0)} ms, max ${Math.round(busy)} ms`,
    );
    assert.ok((p99 ?? Infinity) <= SECOND + busy, `one in a hundred started ${p99} ms late or later`);
    assert.ok((max ?? Infinity) <= 2 * SECOND + busy, `one started ${max} ms late`);
    assert.ok(afterOutage <= 5 * SECOND, `one started ${afterOutage} ms after everything was back`);
  },
  { limitMs: 180_000 },
);

test.run();
