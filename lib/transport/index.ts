export * from './connection.ts';
export { localConnection } from './local.ts';
export { shellWord } from './script.ts';
