import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const PROJECT = join(import.meta.dirname, '../..');
const page = readFileSync(join(PROJECT, 'docs/deployment.md'), 'utf8');

/** Names of all tasks of a role, without what its includes put before them. */
function taskNames(role: string): readonly string[] {
  const dir = join(PROJECT, 'roles', role, 'tasks');
  if (!existsSync(dir)) throw new Error(`there is no role ${role}`);
  return readdirSync(dir).flatMap(file =>
    [...readFileSync(join(dir, file), 'utf8').matchAll(/^ *- name: (.+)$/gm)].map(([, name]) => name!),
  );
}

/** `role : Name, Name (remark) or Name; role : Name` → what of it is no task of that role. */
function unknownTasks(cell: string): readonly string[] {
  return cell.split(';').flatMap(part => {
    const [, role, text] = /^\s*(\w+) : (.+)$/.exec(part) ?? [];
    if (role === undefined) return [];
    const names = taskNames(role).map(name => name.replace(/ \(.*\)$/, ''));
    let rest = text!.trim();
    while (rest !== '') {
      const [name] = names.filter(known => rest.startsWith(known)).sort((x, y) => y.length - x.length);
      if (name === undefined) return [`${role} : ${rest}`];
      rest = rest
        .slice(name.length)
        .replace(/^ \([^)]*\)/, '')
        .replace(/^(, | or )/, '');
    }
    return [];
  });
}

describe('the page that marks the guide’s steps', () => {
  const rows = [...page.matchAll(/^\| (\d+(?:, \d+)*) [^|]*\|([^|]*)\|([^|]*)\|$/gm)];

  it('has every row of the guide, each with a check', () => {
    const numbers = rows.flatMap(([, list]) => list!.split(', ').map(Number));
    expect(numbers).to.deep.equal(Array.from({ length: 19 }, (_, i) => i + 1));
    for (const [, number, , check] of rows) expect(check!.trim(), `check of row ${number}`).to.not.equal('');
  });

  for (const [, number, tasks] of rows)
    it(`row ${number} names tasks that there are`, () => {
      expect(unknownTasks(tasks!)).to.deep.equal([]);
    });

  it('names only files that are there', () => {
    for (const [, file] of page.matchAll(/`((?:lib|playbooks|roles|verify)\/[\w./-]+)`/g))
      if (!file!.includes('*')) expect(existsSync(join(PROJECT, file!)), file).to.equal(true);
  });
});
