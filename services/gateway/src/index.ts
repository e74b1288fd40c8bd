export { startGateway } from './service.ts';
