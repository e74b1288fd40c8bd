import type { Subscription } from './environment.ts';

/** A request of a worker that has no rights of its own, as it came. */
export type WorkRequest = {
  /** What the subject says; may be none that is known. */
  readonly verb: string;
  /** What stands behind it: of a claim the one type it is for. May be no name. */
  readonly type?: string;
  readonly bytes: Uint8Array;
  readonly contentType?: string;
  /** At most once. Does nothing where no answer can be sent. */
  readonly answer: (bytes: Uint8Array, contentType: string) => void;
};

/**
 * Requests of workers in any language (see `protocols/worker.md`). Each comes to all supervisors, and one of them answers:
 * that is for them to know.
 */
export interface WorkRequests {
  onRequest(listener: (request: WorkRequest) => void): Subscription;
}
