// A module that a worker can load and that has no task in it.
export const nothing = 0;
