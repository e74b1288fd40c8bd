// Loaded by the worker that `baton dev` starts: everything exported here that is a task is served.
export { profileDatasets } from './profile-datasets.ts';
