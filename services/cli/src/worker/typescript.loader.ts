import { register as readRequired } from 'tsx/cjs/api';
import { register as readImported } from 'tsx/esm/api';

// Before everything else of a process, and of each of its threads: these take over what their process was started with, and
// the loader's own entry does nothing in a thread.
readRequired();
readImported();
