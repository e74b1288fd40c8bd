import type { BodyAnswer, BodyOwner, BodyQuestion } from '../run/body.ts';
import type { BodyEnd } from '../run/body-end.ts';
import type { TaskDefinition } from '../run/definition.ts';
import { LocalBody } from '../run/local-body.ts';
import { withinTrace } from '../trace/run-span.ts';
import { STOP_CAUSES, type RunNews, type RunOrder, type ToThread, type FromThread } from './messages.ts';
import { threadLog } from './thread-log.ts';
import { UpdateGate } from './update-gate.ts';

export type ThreadSideSettings = {
  readonly definitions: readonly TaskDefinition[];
  readonly stop: Int32Array;
  readonly post: (message: FromThread) => void;
};

/** The thread's part of its runs, one after the other. */
export class ThreadSide {
  private readonly settings: ThreadSideSettings;
  private body: LocalBody | undefined;
  private updates: UpdateGate | undefined;
  private run = 0;
  /** Questions of the body that wait for their answers. */
  private readonly questions = new Map<number, (answer: BodyAnswer) => void>();
  private asked = 0;

  constructor(settings: ThreadSideSettings) {
    this.settings = settings;
  }

  obey(order: ToThread): void {
    switch (order.kind) {
      case 'run':
        void this.begin(order);
        return;
      case 'stop':
        this.body?.stop(order.cause);
        return;
      case 'answer':
        this.questions.get(order.question)?.(order.answer);
        this.questions.delete(order.question);
        return;
      case 'aborts':
        void this.runHandlers('aborts');
        return;
      case 'cleanups':
        void this.runHandlers('cleanups');
        return;
      case 'close':
        this.body?.close();
        this.body = undefined;
        // Whoever still waits for one is no part of a run any more.
        this.questions.clear();
        return;
    }
  }

  private async begin(order: RunOrder): Promise<void> {
    const { run, facts, args, left, resultLimit, updateMs } = order;
    this.run = run;
    const post = (news: RunNews): void => this.settings.post({ run, ...news });
    const definition = this.definitionOf(facts.taskType);
    if (definition === undefined) return post({ kind: 'ended', end: undefinedTask(facts.taskType) });
    const updates = new UpdateGate(updateMs, (pending, immediate) => post({ kind: 'updated', pending, immediate }));
    this.updates = updates;
    const within = withinTrace(facts.trace);
    this.body = new LocalBody({
      definition,
      facts,
      resultLimit,
      ...(within === undefined ? {} : { within }),
      owner: ownerBy(post, updates, (question) => this.ask(question, post)),
      stopAsked: () => (this.run === run ? STOP_CAUSES[Atomics.load(this.settings.stop, 0) - 1] : undefined),
    });
    const end = await this.body.execute(args, left);
    // Its owner answers no wait, so it is never left in one.
    if (end.kind === 'suspended') return;
    updates.flush();
    post({ kind: 'ended', end });
  }

  /** Two of one name cannot be told apart: neither is run. */
  private definitionOf(type: string): TaskDefinition | undefined {
    const [found, ...others] = this.settings.definitions.filter((definition) => definition.type === type);
    return others.length === 0 ? found : undefined;
  }

  private ask(question: BodyQuestion, post: (news: RunNews) => void): Promise<BodyAnswer> {
    const number = ++this.asked;
    return new Promise((resolve) => {
      this.questions.set(number, resolve);
      post({ kind: 'question', number, question });
    });
  }

  private async runHandlers(which: 'aborts' | 'cleanups'): Promise<void> {
    const { body, run, updates } = this;
    const post = (news: RunNews): void => this.settings.post({ run, ...news });
    const errors =
      which === 'aborts' ? await body?.runAborts(() => post({ kind: 'aborts-began' })) : await body?.runCleanups();
    // What they told last is heard before it is said that they have ended.
    if (this.run === run) updates?.flush();
    post({ kind: 'handlers-ran', which, errors: errors ?? [] });
  }
}

const ownerBy = (post: (news: RunNews) => void, updates: UpdateGate, answer: BodyOwner['answer']): BodyOwner => {
  const asked = new Set<string>();
  const log = threadLog(post);
  return {
    log: () => log,
    asked: (what) => {
      if (asked.has(what)) return;
      asked.add(what);
      post({ kind: 'asked', what });
    },
    updated: (pending, immediate) => updates.add(pending, immediate),
    answer,
    crashed: (end) => post({ kind: 'crashed', end }),
  };
};

const undefinedTask = (type: string): BodyEnd => ({
  kind: 'threw',
  error: { message: `the module defines no single task '${type}'`, type: 'ThreadModuleError' },
  terminal: true,
});
