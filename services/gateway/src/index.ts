export { authenticateByToken, type TokenSettings } from './auth/tokens.ts';
export { startGateway } from './service.ts';
