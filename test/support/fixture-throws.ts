// A module of tasks that cannot be imported: it throws.
const settingOfMine = (): never => {
  throw new Error('MY_SETTING is not set');
};

export const setting: string = settingOfMine();
