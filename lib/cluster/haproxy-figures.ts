/** Servers of a backend that HAProxy takes for up, from its figures as CSV. */
export function serversUp(csv: string, backend: string): readonly string[] {
  const [head = '', ...lines] = csv.slice(Math.max(0, csv.indexOf('# pxname'))).split('\n');
  const column = head.split(',').indexOf('status');
  return lines
    .map(line => line.split(','))
    .filter(([name, server]) => name === backend && server !== 'BACKEND' && server !== 'FRONTEND')
    .filter(cells => /^UP/.test(cells[column] ?? ''))
    .map(([, server = '']) => server);
}
