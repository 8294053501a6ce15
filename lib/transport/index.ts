export { connectionSettings } from './config/settings.ts';
export { SshConfigFiles } from './config/ssh-config.ts';
export * from './connection.ts';
export { localConnection } from './local.ts';
export { createPool } from './pool.ts';
export { shellWord } from './shell/script.ts';
