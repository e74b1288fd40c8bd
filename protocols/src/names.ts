import type { Priority } from '@baton/core';

/**
 * Every stream, bucket, subject and header, one sentence each. `namespace` prefixes them all, so that several
 * installations can share one NATS account.
 */
export const DEFAULT_NAMESPACE = 'BATON';

const NAMESPACE_PATTERN = /^[A-Z][A-Z0-9_]{0,31}$/;

export type Names = ReturnType<typeof namesOf>;

/** All names of one namespace. Throws a RangeError for one that is not upper case letters, digits and `_`. */
export const namesOf = (namespace: string = DEFAULT_NAMESPACE) => {
  if (!NAMESPACE_PATTERN.test(namespace)) {
    throw new RangeError(`a namespace is 1 to 32 of A-Z, 0-9 and _, starting with a letter; got '${namespace}'`);
  }
  const root = namespace.toLowerCase();
  return {
    namespace,
    /** KV bucket of task records: one key per actor, the only truth. */
    tasksBucket: `${namespace}_TASKS`,
    /** The bucket's stream. */
    tasksStream: `KV_${namespace}_TASKS`,
    /** KV bucket of worker and supervisor leases. */
    nodesBucket: `${namespace}_NODES`,
    nodesStream: `KV_${namespace}_NODES`,
    /** What the projection `log` has read of the bucket, for whoever follows. */
    eventsStream: `${namespace}_EVENTS`,
    /** Commands of publishers that may not write state, until a supervisor has carried them out. */
    commandsStream: `${namespace}_COMMANDS`,
    /** Commands that were not carried out, with the reason. */
    deadStream: `${namespace}_DEAD`,
    /** KV bucket of operation ids: what each has made. */
    operationsBucket: `${namespace}_OPERATIONS`,
    operationsStream: `KV_${namespace}_OPERATIONS`,

    /** KV bucket of definitions of types: how tasks are run whose submit says nothing else. Written by supervisors. */
    definitionsBucket: `${namespace}_DEFINITIONS`,
    definitionsStream: `KV_${namespace}_DEFINITIONS`,

    /** KV bucket of schedules: one record each, by name. */
    schedulesBucket: `${namespace}_SCHEDULES`,
    schedulesStream: `KV_${namespace}_SCHEDULES`,
    /** KV bucket of what is set for queues: pauses, limits, weights. One record a queue, written by compare-and-set. */
    queuesBucket: `${namespace}_QUEUES`,
    queuesStream: `KV_${namespace}_QUEUES`,

    /** Arguments and results that are too large for a record, laid out as every NATS object store. */
    objectsBucket: `${namespace}_OBJECTS`,
    objectsStream: `OBJ_${namespace}_OBJECTS`,
    /** What is known of one object: one message a name. */
    objectSubject: (name: string) => `$O.${namespace}_OBJECTS.M.${paddedBase64Url(Buffer.from(name))}`,
    objectPrefix: `$O.${namespace}_OBJECTS.M.`,
    allObjects: `$O.${namespace}_OBJECTS.M.>`,
    /** The pieces of one object, in order. */
    chunkSubject: (chunks: string) => `$O.${namespace}_OBJECTS.C.${chunks}`,
    chunkPrefix: `$O.${namespace}_OBJECTS.C.`,
    allChunks: `$O.${namespace}_OBJECTS.C.>`,

    /** `<pp>.<type>.<hash>` -> the subject of its record; `<pp>.<type>.<hash>.<task id>` -> of a kept outcome. */
    recordSubject: (address: string) => `$KV.${namespace}_TASKS.${address}`,
    recordPrefix: `$KV.${namespace}_TASKS.`,
    /** The records of one partition, and no outcomes. */
    partitionSubject: (partition: string) => `$KV.${namespace}_TASKS.${partition}.*.*`,
    /** Records and kept outcomes. */
    allRecords: `$KV.${namespace}_TASKS.>`,
    /** Where whoever ends, aborts or re-queues a task tells its record to those who wait, at most once. */
    liveSubject: (address: string) => `${root}.live.${address}`,
    livePrefix: `${root}.live.`,
    allLive: `${root}.live.>`,
    eventSubject: (partition: string, type: string) => `${root}.events.${partition}.${token(type)}`,
    allEvents: `${root}.events.>`,
    /** A worker's credit, to the supervisor of that id, or to `all` when it does not know who hosts the queue. */
    creditSubject: (supervisor: string) => `${root}.queue.credit.${supervisor}`,
    /** To all workers: queues may have another host now. */
    hostsSubject: `${root}.queue.hosts`,
    /** Offers for a worker. */
    offerSubject: (worker: string) => `${root}.queue.offer.${worker}`,
    /** What other supervisors tell one about tasks that are ready; an empty message asks whether it is there. */
    readySubject: (supervisor: string) => `${root}.queue.ready.${supervisor}`,
    /** Asks the supervisors what waits. */
    waitingSubject: `${root}.queue.waiting`,
    /** Asks where a task stands in its queue: the host of it answers. */
    standingSubject: `${root}.queue.standing`,
    submitSubject: (type: string) => `${root}.cmd.submit.${token(type)}`,
    cancelSubject: `${root}.cmd.cancel`,
    /** A signal for a task; `signalSubject` is the mailbox of a process. */
    signalCommandSubject: `${root}.cmd.signal`,
    whyCommandSubject: `${root}.cmd.why`,
    commandPrefix: `${root}.cmd.`,
    allCommands: `${root}.cmd.>`,
    /** Durable consumer of commands, shared by all supervisors. */
    commandsConsumer: 'commands',
    /** A command that was not carried out, by its verb. */
    deadSubject: (verb: string) => `${root}.dead.${token(verb)}`,
    allDead: `${root}.dead.>`,
    /** Asks the supervisors where a task is. */
    findSubject: `${root}.find`,
    operationSubject: (hash: string) => `$KV.${namespace}_OPERATIONS.${hash}`,
    allOperations: `$KV.${namespace}_OPERATIONS.>`,
    definitionSubject: (type: string) => `$KV.${namespace}_DEFINITIONS.${token(type)}`,
    definitionPrefix: `$KV.${namespace}_DEFINITIONS.`,
    allDefinitions: `$KV.${namespace}_DEFINITIONS.>`,
    scheduleSubject: (key: string) => `$KV.${namespace}_SCHEDULES.${key}`,
    schedulePrefix: `$KV.${namespace}_SCHEDULES.`,
    allSchedules: `$KV.${namespace}_SCHEDULES.>`,
    /** Where the server repeats every schedule it has stored, for supervisors. */
    scheduledPrefix: `${root}.scheduled.`,
    allScheduled: `${root}.scheduled.*`,
    /** Where the server repeats every definition it has stored, for the doors that apply them. */
    definedSubject: (type: string) => `${root}.defined.${token(type)}`,
    definedPrefix: `${root}.defined.`,
    allDefined: `${root}.defined.*`,
    queueSubject: (queue: string) => `$KV.${namespace}_QUEUES.${token(queue)}`,
    queuePrefix: `$KV.${namespace}_QUEUES.`,
    allQueues: `$KV.${namespace}_QUEUES.>`,
    /** Where the server repeats what is set for a queue once it is stored. */
    queueSetPrefix: `${root}.queue.set.`,
    allQueueSet: `${root}.queue.set.*`,
    /** What a worker serves, told to supervisors; at most once, so it is repeated. */
    announceSubject: (worker: string) => `${root}.announce.${worker}`,
    announcePrefix: `${root}.announce.`,
    allAnnounced: `${root}.announce.*`,
    /** Asks all workers to tell it now. */
    askSubject: `${root}.announce`,
    nodeSubject: (role: NodeRole, id: string) => `$KV.${namespace}_NODES.${role}.${id}`,
    nodePrefix: `$KV.${namespace}_NODES.`,
    allNodes: `$KV.${namespace}_NODES.>`,
    /** The mailbox of a worker or a supervisor: look at this task now. */
    signalSubject: (worker: string) => `${root}.signal.${worker}`,
    /** A worker without rights of its own asks for tasks: of the types it names, or of this one alone. */
    workClaimSubject: (type?: string) =>
      type === undefined ? `${root}.work.claim` : `${root}.work.claim.${token(type)}`,
    /** The same worker says that it lives, and what it runs. */
    workBeatSubject: `${root}.work.beat`,
    /** It tells how a run has ended, or gives the task back. */
    workFinishSubject: `${root}.work.finish`,
    workPrefix: `${root}.work.`,
    allWork: `${root}.work.>`,
    /** Progress as it happens, not kept. */
    progressSubject: (taskId: string) => `${root}.progress.${taskId}`,
    /** Durable consumers of the bucket, one a projection: documents, event log, archive marks. */
    projections: PROJECTIONS,
    /** Where records that cannot be read are reported. */
    quarantineCollection: 'quarantine',
  } as const;
};

/** One line of a queue: first in, first out. */
export type Lane = { readonly queue: string; readonly priority: Priority; readonly type: string };

export type NodeRole = 'worker' | 'supervisor' | 'projector';

/** A type or queue name as one subject token. */
export const token = (name: string): string => name.replaceAll('.', '=');

/** The name behind a subject token. */
export const untoken = (value: string): string => value.replaceAll('=', '.');

/** Headers of our own messages. */
export const headers = {
  /** Revision of the record a live message or an event carries. */
  revision: 'Baton-Revision',
  /** Address of the record an event carries: its subject has lost the hash. */
  address: 'Baton-Address',
  /** Of a command: where its answer is to be sent. */
  reply: 'Baton-Reply',
  /** Of a command: how its body is written. */
  contentType: 'Content-Type',
  /** Of a dead letter: the code and the words of why it was not carried out, and the subject it was sent to. */
  reason: 'Baton-Reason',
  message: 'Baton-Message',
  subject: 'Baton-Subject',
} as const;

/** Each is the name of a durable consumer of the bucket. */
export const PROJECTIONS = { documents: 'documents', log: 'log', archive: 'archive' } as const;

/** Highest first. */
export const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];

/** As object stores write names and digests: base64url that keeps its padding. */
export const paddedBase64Url = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
