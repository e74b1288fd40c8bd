// Loaded by the worker that `baton dev` starts: everything exported here that is a task is served.
export { countWords } from './count-words.ts';
export { profileDatasets } from './profile-datasets.ts';
