import type { Break } from '../break.ts';

export const buildBreaks: readonly Break[] = [
  {
    id: 'program-differs',
    what: 'a program differs on one node',
    host: 'ro1',
    breaks: 'save $BIN/pg_waldump; echo x >>$BIN/pg_waldump',
    heals: 'back $BIN/pg_waldump',
    red: ['build.package', 'build.same'],
    says: /pg_waldump/,
    ci: true,
  },
  {
    id: 'library-gone',
    what: 'a library of the server is gone',
    host: 'ro2',
    breaks: 'mv /usr/lib/postgresql/15/lib/libpqwalreceiver.so /root/',
    heals: 'mv /root/libpqwalreceiver.so /usr/lib/postgresql/15/lib/',
    red: ['build.same', 'build.package'],
  },
  {
    id: 'program-replaced',
    what: 'the server was updated and not restarted',
    host: 'ro2',
    breaks: 'mv $BIN/postgres /root/postgres && cp -a /root/postgres $BIN/postgres',
    heals: 'mv /root/postgres $BIN/postgres',
    red: ['build.running'],
  },
  {
    id: 'share-gone',
    what: 'files of the server below share are gone',
    host: 'ro1',
    breaks: 'mv /usr/share/postgresql/15/timezonesets /root/',
    heals: 'mv /root/timezonesets /usr/share/postgresql/15/',
    red: ['build.same', 'build.package'],
  },
  {
    id: 'program-replaced-by-script',
    what: 'a program is not that of its package',
    host: 'st1',
    breaks:
      'save /usr/bin/nbd-server; rm /usr/bin/nbd-server; cp /root/saved/_usr_bin_nbd-server /usr/bin/nbd-server; echo x >>/usr/bin/nbd-server',
    heals: 'rm -f /usr/bin/nbd-server; back /usr/bin/nbd-server',
    red: ['build.package'],
  },
  {
    id: 'preload',
    what: 'a library is loaded into every program',
    host: 'ro2',
    breaks: 'cp $(ls /usr/lib/*/libm.so.6) /usr/lib/x.so; echo /usr/lib/x.so >/etc/ld.so.preload',
    heals: 'rm /etc/ld.so.preload /usr/lib/x.so',
    red: ['build.libraries'],
  },
];
