export { startSupervisor } from './service.ts';
