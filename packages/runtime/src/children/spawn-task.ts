import { taskOf, type Child, type RefusalReason, type TaskRecord, type TaskSpec } from '@baton/core';
import { addressOf, KEY_LENGTH, type Address } from '@baton/protocols';
import { checkArguments } from '../client/args-schema.ts';
import { keepArguments } from '../client/arguments.ts';
import { refusalText } from '../client/refusal-text.ts';
import { expiryFor } from '../client/submit-mode.ts';
import { checkRequest, optionsFor, specOf, type SubmitParts, type SubmitRequest } from '../client/submit.ts';
import { dropObject } from '../data/large-data.ts';
import { checkDependencies, edgesTo } from '../dependencies/edges.ts';
import { BatonError, InvalidArgumentError, OutcomeUnknownError, SpawnRefusedError } from '../errors.ts';

/** A child as its parent's handler asks for it; its key is a name among the children of that parent and type. */
export type SpawnRequest = SubmitRequest & { readonly leave?: boolean };

/** The parent, as far as its children take after it: they are its user's, and seen by who sees it. */
export type SpawningTask = Pick<TaskRecord, 'id' | 'scope' | 'creator' | 'subscribers'> & { readonly address: Address };

/** Whose key it is stands in it: the same name under another parent is another task. */
export const childKey = ({ id }: Pick<SpawningTask, 'id'>, name: string): string => {
  const key = `${id}/${name}`;
  if (key.length <= KEY_LENGTH) return key;
  const most = KEY_LENGTH - id.length - 1;
  throw new InvalidArgumentError(`taskKey: of a child is text of 1 to ${most} characters`);
};

/** Where the child of that type and key stands. */
export const childAddress = ({ scope, creator }: SpawningTask, type: string, key: string): Address =>
  addressOf({ scope, type, key, ...(creator === undefined ? {} : { user: creator }) });

/**
 * Makes a child, or finds it: under its key there is one for ever (behaviour G3). Rejects with what another attempt of the
 * handler may meet again, or with NotConnectedError and OutcomeUnknownError, after which the same again does no harm.
 */
export const spawnTask = async (parts: SubmitParts, parent: SpawningTask, wanted: SpawnRequest): Promise<Child> => {
  const { ports, kernel } = parts;
  const { leave, name = wanted.key, ...rest } = wanted;
  const key = childKey(parent, wanted.key ?? '');
  // Whoever made the parent has been asked; the scope of the type is not that of its child, whose user is the parent's.
  const actor = { ...(parent.creator === undefined ? {} : { user: parent.creator }), admin: true };
  const request = { ...rest, key, name: name ?? rest.type, overrides: { ...rest.overrides, scope: parent.scope } };
  const { options, argsSchema: schema } = await optionsFor(parts, actor, request);
  if (schema !== undefined) await checkArguments({ type: rest.type, schema, log: parts.log }, rest.args);
  const at = ports.clock.now();
  checkRequest(request, options.scope, actor, at);
  if (rest.dependsOn !== undefined) checkDependencies(rest.dependsOn);
  const made = specOf(request, options, actor, ports);
  const expiresAt = expiryFor(options.submit, request, undefined, at);
  if (expiresAt !== undefined) made.expiresAt = expiresAt;
  const address = childAddress(parent, made.type, key);
  const { dependsOn = [] } = rest;
  if (dependsOn.length > 0) {
    const by = { ...actor, admin: parent.scope === 'system' };
    made.dependsOn = await edgesTo(parts, by, dependsOn, { address, id: made.id });
  }
  if (rest.args?.kind === 'inline') made.args = rest.args.bytes;
  else if (rest.args !== undefined) made.args = await keepArguments(ports, address, made.id, rest.args.bytes);
  const spec: TaskSpec & { readonly parent: NonNullable<TaskSpec['parent']> } = {
    ...made,
    // Its parent looks at what becomes of it.
    awaited: true,
    parent: { id: parent.id, address: parent.address, ...(leave === true ? { leave: true } : {}) },
  };
  const subscribers = parent.subscribers.map(({ user }) => ({ user, at }));
  const asked = await kernel.ask(address, () => ({ kind: 'spawn', at, spec, subscribers }), { from: 'absent' });
  switch (asked.kind) {
    case 'done': {
      const { answer, record } = asked;
      const child = ('id' in answer ? taskOf(record, answer.id) : undefined) ?? record;
      // An attempt before this one has made it.
      if (child.id !== spec.id) void dropObject(ports.data, spec.args);
      return { id: child.id, address, name: child.name, ...(child.parent?.leave ? { leave: true } : {}) };
    }
    case 'refused':
      if (asked.doubt !== undefined) throw new OutcomeUnknownError(asked.doubt.message, { cause: asked.doubt });
      void dropObject(ports.data, spec.args);
      throw refused(asked.reason, asked.held?.record, key);
    case 'failed':
      throw asked.cause;
    case 'unknown':
      throw asked.cause instanceof OutcomeUnknownError
        ? asked.cause
        : new OutcomeUnknownError(`it is not known whether a child was made: ${asked.cause.message}`, {
            cause: asked.cause,
          });
  }
};

const refused = (reason: RefusalReason, record: TaskRecord | undefined, key: string): BatonError => {
  if (reason === 'active')
    return new SpawnRefusedError('TASK_ACTIVE', `a task that is no child has the key ${key}: take another taskKey`);
  const { code, message } = refusalText(reason, record);
  return new BatonError(code, message);
};
