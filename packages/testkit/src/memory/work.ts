import type { WorkRequest, WorkRequests } from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { send } from './wire.ts';

/** Who listens for requests of workers. */
export class WorkState {
  readonly pipes = new Set<Pipe<WorkRequest>>();
}

/** Core request and reply: all who listen hear a request, and the first answer counts. */
export const memoryWork = (around: Surroundings, process: Process, state: WorkState): WorkRequests => ({
  onRequest: (listener) => {
    const pipe = new Pipe<WorkRequest>(around, process, 'work.request', ({ answer, ...request }) =>
      listener({
        ...request,
        answer: (bytes, contentType) =>
          send(around, process, 'work.answer', request.verb, () => answer(bytes, contentType)),
      }),
    );
    state.pipes.add(pipe);
    const close = (): void => {
      pipe.close();
      state.pipes.delete(pipe);
      ended.close();
    };
    const ended = process.onEnd(close);
    return { close };
  },
});

export type WorkQuestion = Omit<WorkRequest, 'answer'>;

/** Asks as a worker outside of all processes does; undefined: no answer in this time. */
export const askWork = (
  around: Surroundings,
  state: WorkState,
  question: WorkQuestion,
  timeoutMs: number,
): Promise<Uint8Array | undefined> =>
  new Promise((resolve) => {
    const timer = around.clock.after(timeoutMs, () => resolve(undefined));
    const answer: WorkRequest['answer'] = (bytes) => {
      timer.cancel();
      resolve(bytes.slice());
    };
    for (const pipe of state.pipes) pipe.push({ ...question, answer }, question.verb);
  });
