import { PRIORITIES, type Lane } from '@baton/protocols';
import { laneKey, type RunMessage } from './run-state.ts';

/** Nobody who waits is passed over this often: one start in twenty is his (behaviour X8). */
const PASSED_OVER_LIMIT = 19;

/** Which of a reader's lanes is next: the higher priority, but the lower ones in time; queues in turn. */
export class FairChoice {
  private readonly lanes: readonly Lane[];
  /** Queues, the one served longest ago first. */
  private queues: string[];
  private readonly passedOver = new Map<Lane['priority'], number>();

  constructor(lanes: readonly Lane[]) {
    this.lanes = lanes;
    this.queues = [...new Set(lanes.map((lane) => lane.queue))];
  }

  /** `peek` gives the first message of a lane. Undefined: none has any. Changes nothing until `took`. */
  choose(peek: (key: string) => RunMessage | undefined): RunMessage | undefined {
    const firsts = this.lanes.flatMap((lane) => peek(laneKey(lane)) ?? []);
    const priority = this.priorityOf(firsts);
    for (const queue of this.queues) {
      const here = firsts.filter((message) => message.lane.priority === priority && message.lane.queue === queue);
      const [first] = here.toSorted((a, b) => a.order - b.order);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  took(message: RunMessage, peek: (key: string) => RunMessage | undefined): void {
    const { queue, priority } = message.lane;
    this.queues = [...this.queues.filter((other) => other !== queue), queue];
    for (const other of PRIORITIES) {
      const waits = this.lanes.some((lane) => lane.priority === other && peek(laneKey(lane)) !== undefined);
      this.passedOver.set(other, other === priority || !waits ? 0 : (this.passedOver.get(other) ?? 0) + 1);
    }
  }

  private priorityOf(firsts: readonly RunMessage[]): Lane['priority'] | undefined {
    const waiting = PRIORITIES.filter((priority) => firsts.some((message) => message.lane.priority === priority));
    // The lowest first, and a little earlier the higher the priority: two that are due in one turn are both in time.
    const due = waiting.toReversed().find((p, i) => (this.passedOver.get(p) ?? 0) >= PASSED_OVER_LIMIT - i);
    return waiting.length > 1 && due !== undefined ? due : waiting[0];
  }
}
