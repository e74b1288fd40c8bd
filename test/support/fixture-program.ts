// A program in one file: its task is to run in a thread, and the file connects when it is loaded.
import { connect, task } from '@baton/sdk';

export const inProgram = task({ name: 'iso.in_program', isolation: 'thread', module: import.meta.url }, () => 1);

export const baton = await connect();
