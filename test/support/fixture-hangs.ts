// A module of tasks that waits for what never comes before it defines one.
import { task } from '@baton/sdk';

console.log('the import has begun');
setInterval(() => undefined, 60_000);
await new Promise(() => undefined);

export const never = task({ name: 'fx.never' }, () => 1);
