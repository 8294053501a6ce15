export * from './connection.ts';
export type { AskSecret } from './keys.ts';
export { localConnection } from './local.ts';
export { createPool, type Pool, type PoolOptions } from './pool.ts';
export { shellWord } from './script.ts';
export { type ConnectionFlags, connectionSettings, type SettingsResult } from './settings.ts';
export { SshConfigFiles } from './ssh-config.ts';
