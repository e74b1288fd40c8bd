import type { TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { ChildrenWatch } from '../../children/children-watch.ts';
import { ParentWatch } from '../../children/parent-watch.ts';
import { Dependents, type DependentsOptions } from '../../dependencies/dependents.ts';

/**
 * What the tasks of a supervisor have to do with others, which may be anybody's: those they wait for, their children, their
 * parent. Of a task that has to do with none nothing is kept.
 */
export class Relations {
  private readonly all: readonly [Dependents, ChildrenWatch, ParentWatch];

  constructor(options: DependentsOptions) {
    this.all = [new Dependents(options), new ChildrenWatch(options), new ParentWatch(options)];
  }

  /** The newest version of a task of ours. */
  seen(address: Address, record: TaskRecord): void {
    const [dependents, children, parents] = this.all;
    dependents.seen(address, record);
    children.seen(address, record);
    parents.seen(address, record);
  }

  /** It is not watched any more. */
  forget(address: Address): void {
    const [dependents, children, parents] = this.all;
    dependents.forget(address);
    children.forget(address);
    parents.forget(address);
  }

  /** Called often: begins what is due. */
  look(): void {
    for (const each of this.all) each.look();
  }

  stop(): void {
    for (const each of this.all) each.stop();
  }
}
