import { expect } from 'chai';
import { loadTree } from '../../test/support/load-playbook.ts';
import { PlayHandlers } from './play-handlers.ts';

const SITE = `
- hosts: all
  roles: [r]
  handlers:
    - {name: same, debug: {msg: 1}, listen: topic}
    - {name: "{{ x }}", debug: {msg: 2}}
    - {name: same, debug: {msg: 3}}
    - name: outer
      block: [{name: inner, debug: {msg: 4}}]
`;

describe('handlers of a play', () => {
  const { playbook } = loadTree({
    'site.yml': SITE,
    'roles/r/handlers/main.yml': '- {name: same, debug: {msg: 5}, listen: [topic, topic]}\n',
  });
  const handlers = new PlayHandlers(playbook.plays[0]!.handlers);
  const places = (found: readonly unknown[]) => found.map(one => handlers.all.indexOf(one as never));

  it('are found by name and topic in the order they are defined', () => {
    const named = (name: string, title = 'other') => places(handlers.named(name, () => title));
    const count = handlers.all.length;
    const ofRole = handlers.all.findIndex(({ role }) => role !== undefined);
    const ofPlay = handlers.all.flatMap(({ name, role }, i) => (name === 'same' && !role ? [i] : []));
    expect(count).to.equal(6);
    expect(named('same')).to.deep.equal([...ofPlay, ofRole].sort());
    expect(named('r : same')).to.deep.equal([ofRole]);
    expect(named('inner')).to.have.length(1);
    expect(named('same', 'same')).to.have.length(4);
    expect(named('nobody')).to.deep.equal([]);
    expect(places(handlers.listening('topic'))).to.deep.equal([ofPlay[0], ofRole].sort());
  });

  it('are asked for their title only where it is a template, so that many handlers cost no more', () => {
    let asked = 0;
    for (const name of ['same', 'outer', 'nobody'])
      handlers.named(name, () => {
        asked++;
        return '';
      });
    expect(asked).to.equal(3);
  });
});
