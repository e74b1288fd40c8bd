export { projectorService } from './service.ts';
