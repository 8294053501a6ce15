export * from './connection.ts';
export { localConnection } from './local.ts';
export { createPool } from './pool.ts';
export { shellWord } from './script.ts';
export { connectionSettings } from './settings.ts';
export { SshConfigFiles } from './ssh-config.ts';
