import {
  canSubmit,
  maySeeSchedule,
  type Actor,
  type Overlap,
  type ScheduleAnswer,
  type ScheduleCommand,
  type ScheduleRecord,
  type ScheduleRefusal,
  type ScheduleSpec,
} from '@baton/core';
import { BACKFILL_TIMES, scheduleAddressOf } from '@baton/protocols';
import { refusalText } from '../client/refusal-text.ts';
import { checkArguments } from '../client/args-schema.ts';
import { runOptionsOf } from '../client/run-options.ts';
import { checkField, requireField, rules } from '../client/rules.ts';
import type { Catalogue } from '../definitions/catalogue.ts';
import { BatonError, InvalidArgumentError, OutcomeUnknownError, PermissionDeniedError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Ports } from '../ports.ts';
import { FireTimes } from './fire-times.ts';
import { overridesOf } from './start-fire.ts';
import { createScheduleKernel, scheduleOf, type ScheduleKernel } from './kernel.ts';
import { scheduleSpecOf, type ScheduleBody } from './shapes.ts';

/** One that was removed is remembered as long, so that who follows hears of it. */
const REMOVED_TTL_MS = 60_000;

/** No such schedule, or none this user may see: one answer. */
export class ScheduleNotFoundError extends BatonError {
  override readonly name = 'ScheduleNotFoundError';
  constructor() {
    super('SCHEDULE_NOT_FOUND', 'no such schedule here: it is unknown, or not for this user to see');
  }
}

const PRIVATE_NEEDS_USER =
  "a schedule of private tasks needs a user, whose they are: connect({ user: { id } }), or give the type the scope 'shared'";

export type ScheduleClientParts = {
  readonly ports: Pick<Ports, 'schedules' | 'clock' | 'chance'>;
  readonly catalogue: Pick<Catalogue, 'of'>;
  readonly log: Log;
};

/** What anybody does with schedules, on behalf of one actor; the same at every door (behaviour H). */
export class ScheduleClient {
  private readonly ports: ScheduleClientParts['ports'];
  private readonly parts: ScheduleClientParts;
  private readonly kernel: ScheduleKernel;

  constructor(parts: ScheduleClientParts) {
    const { ports } = parts;
    this.parts = parts;
    this.ports = ports;
    this.kernel = createScheduleKernel(ports);
  }

  /** Makes or changes it; the same again changes nothing, its cadence neither. */
  async set(
    actor: Actor,
    name: string,
    body: ScheduleBody,
  ): Promise<{ readonly outcome: ScheduleAnswer['kind']; readonly record: ScheduleRecord }> {
    const { clock, chance } = this.ports;
    const spec = scheduleSpecOf(body, clock.now());
    const held = await this.kernel.load(addressFor(name));
    await this.requireFit(spec, actor, ownerOf(held?.record, actor));
    const id = chance.uuid();
    const command = () => ({ kind: 'set', at: clock.now(), actor, name, spec, id }) as const;
    const { answer, record } = await this.ask(name, command, { from: held ?? 'absent' });
    return { outcome: answer.kind, record };
  }

  async get(actor: Actor, name: string): Promise<ScheduleRecord> {
    const held = await this.kernel.load(addressFor(name));
    if (held === undefined || held.record.removed || !maySeeSchedule(held.record, actor))
      throw new ScheduleNotFoundError();
    return held.record;
  }

  /** Those this actor may see, by name; what cannot be read is left out. */
  async list(actor: Actor): Promise<readonly ScheduleRecord[]> {
    const entries = await this.ports.schedules.all();
    const records = entries.flatMap((entry) => {
      try {
        return [scheduleOf(entry)];
      } catch (error) {
        if (error instanceof BatonError) return [];
        throw error;
      }
    });
    return records
      .filter((record) => !record.removed && maySeeSchedule(record, actor))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  pause(actor: Actor, name: string, why?: string): Promise<ScheduleRecord> {
    checkField('why', why, rules.why);
    const reason = why === undefined ? {} : { why };
    return this.tell(name, (at) => ({ kind: 'pause', at, actor, ...reason }));
  }

  resume(actor: Actor, name: string): Promise<ScheduleRecord> {
    return this.tell(name, (at, record) => ({ kind: 'resume', at, actor, missed: missedBy(record, at) }));
  }

  remove(actor: Actor, name: string): Promise<ScheduleRecord> {
    return this.tell(name, (at) => ({ kind: 'remove', at, actor }), { ttlMs: REMOVED_TTL_MS });
  }

  /** Fires now. `id` makes it safe to repeat. */
  trigger(actor: Actor, name: string, id = this.ports.chance.uuid()): Promise<ScheduleRecord> {
    requireField('id', id, rules.operationId);
    return this.tell(name, (at) => ({ kind: 'trigger', at, actor, fire: `trigger:${id}` }));
  }

  /** Fires for every time from `from` up to, not including, `to`. `id` makes it safe to repeat. */
  async backfill(
    actor: Actor,
    name: string,
    range: { readonly from: number; readonly to: number; readonly overlap?: Overlap; readonly id?: string },
  ): Promise<ScheduleRecord> {
    const { from, to, overlap = 'buffer_all', id = this.ports.chance.uuid() } = range;
    requireField('id', id, rules.operationId);
    requireField('overlap', overlap, rules.overlap);
    if (!(from < to)) throw new InvalidArgumentError('from: lies before to');
    const { spec, anchor } = await this.get(actor, name);
    const { due } = new FireTimes(spec, anchor).between(from - 1, to - 1, BACKFILL_TIMES + 1);
    if (due.length === 0) throw new InvalidArgumentError('from, to: no time of the schedule lies between them');
    if (due.length > BACKFILL_TIMES)
      throw new InvalidArgumentError(`from, to: more than ${BACKFILL_TIMES} times lie between them`);
    return this.tell(name, (at) => ({ kind: 'backfill', at, actor, id: `backfill:${id}`, times: due, overlap }));
  }

  /** When it fires next, were it not paused. */
  upcoming({ spec, anchor, cursor }: ScheduleRecord, count: number): readonly number[] {
    return new FireTimes(spec, anchor).upcoming(count, Math.max(cursor, this.ports.clock.now()));
  }

  /**
   * Early, and not at every fire: its owner may submit such tasks, and their arguments are what the type takes. Of a type
   * nobody has served yet only what the schedule says itself is known.
   */
  private async requireFit({ task }: ScheduleSpec, actor: Actor, owner: Actor): Promise<void> {
    const { catalogue, log } = this.parts;
    const { type, args } = task;
    const known = await catalogue.of(type);
    const scope =
      known === undefined ? task.scope : runOptionsOf(known, { type, overrides: overridesOf(task) }, owner).scope;
    if (!canSubmit(scope ?? 'private', owner))
      throw new PermissionDeniedError('PERMISSION_DENIED', adminRequired(actor, owner));
    if (scope === 'private' && owner.user === undefined) throw new InvalidArgumentError(PRIVATE_NEEDS_USER);
    const schema = known?.argsSchema;
    const given = args instanceof Uint8Array ? ({ kind: 'inline', bytes: args } as const) : undefined;
    if (schema !== undefined) await checkArguments({ type, schema, log }, given);
  }

  private async tell(
    name: string,
    command: (at: number, record: ScheduleRecord | undefined) => ScheduleCommand,
    options = {},
  ): Promise<ScheduleRecord> {
    const { record } = await this.ask(name, (held) => command(this.ports.clock.now(), held), options);
    return record;
  }

  private async ask(name: string, command: (record: ScheduleRecord | undefined) => ScheduleCommand, options = {}) {
    const asked = await this.kernel.ask(addressFor(name), (held) => command(held?.record), options);
    switch (asked.kind) {
      case 'done':
        return asked;
      case 'refused':
        if (asked.doubt !== undefined) throw unknown(asked.doubt);
        throw refusalOf(asked.reason);
      case 'failed':
        throw asked.cause;
      case 'unknown':
        throw unknown(asked.cause);
    }
  }
}

/** Whose tasks its fires are: who made it, whoever changes it. */
const ownerOf = (record: ScheduleRecord | undefined, actor: Actor): Actor =>
  record === undefined || record.removed || !maySeeSchedule(record, actor) ? actor : record.owner;

const adminRequired = (actor: Actor, owner: Actor): string => {
  const { message } = refusalText('admin_required', undefined);
  return owner === actor ? message : `${message}, and this schedule is that of '${owner.user}', who is none`;
};

const addressFor = (name: string) => {
  requireField('name', name, rules.typeName);
  return scheduleAddressOf(name);
};

const unknown = (cause: Error): OutcomeUnknownError =>
  cause instanceof OutcomeUnknownError
    ? cause
    : new OutcomeUnknownError(`it is not known whether this took effect: ${cause.message}`, { cause });

const refusalOf = (reason: ScheduleRefusal): BatonError => {
  switch (reason) {
    case 'not_found':
      return new ScheduleNotFoundError();
    case 'admin_required':
      return new PermissionDeniedError(
        'PERMISSION_DENIED',
        'an admin has made this schedule: only an admin changes it',
      );
    case 'too_many':
    case 'record_full':
      return new BatonError('SCHEDULE_FULL', 'so many of its fires wait for their task that no more are taken');
  }
};

/** So many are counted at most. */
const MISSED_COUNTED = 1_000;

const missedBy = (record: ScheduleRecord | undefined, at: number): number => {
  if (record?.paused === undefined) return 0;
  // Also those that had come before, and waited for their jitter.
  return new FireTimes(record.spec, record.anchor).between(record.cursor, at, MISSED_COUNTED).due.length;
};
