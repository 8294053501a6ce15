import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { runWith } from '../support/program.ts';

const site = (method: string, user: string) => `- hosts: all
  gather_facts: false
  vars: {how: ${method}}
  tasks:
    - name: who
      command: id -un
      become: true
      become_method: "{{ how }}"
      become_user: ${user}
`;
const hosts = 'h1 ansible_connection=local\n';
const RUN = ['site.yml', '-i', 'hosts', '--format', 'json'];
const resultOf = (stdout: string) => JSON.parse(stdout).plays[0].tasks[0].hosts.h1;

/** The machine's own /etc stays as it is: the program sees one with a doas.conf of its own. */
const WITH_DOAS = `exec unshare -m sh -ec '
  mount --make-rprivate /; mkdir t; mount -t tmpfs tmpfs t; mkdir t/upper t/work
  mount -t overlay overlay -o lowerdir=/etc,upperdir=t/upper,workdir=t/work /etc
  echo "permit nopass root as nobody" >/etc/doas.conf; exec "$@"' sh "$@"`;

describe('the method to become another user', () => {
  it('that does not exist is an error, never sudo', async () => {
    const { code, stdout } = await runWith({ 'site.yml': site('dozz', 'root'), hosts }, RUN);
    expect(code).to.equal(2);
    expect(resultOf(stdout).msg).to.match(/there is no become method "dozz"$/);
    expect(resultOf(stdout).hint).to.match(/did you mean "doas"/);
    const flag = await runWith({ 'site.yml': site('sudo', 'root'), hosts }, [
      ...RUN,
      '--become-method',
      'sodu',
    ]);
    expect(JSON.parse(flag.stdout)).to.deep.equal({
      mistakes: [{ message: 'there is no become method "sodu"', hint: 'did you mean "sudo"?' }],
      exit_code: 5,
    });
    expect(flag.code).to.equal(5);
    expect(flag.stderr).to.match(/no become method "sodu", did you mean "sudo"\?/);
  });

  it('may be doas', async function () {
    if (!existsSync('/usr/bin/doas') || process.getuid?.() !== 0) {
      console.log('doas is not tested: it is not installed (opendoas), or this is not root');
      this.skip();
    }
    const { code, stdout, stderr } = await runWith({ 'site.yml': site('doas', 'nobody'), hosts }, RUN, {
      shell: WITH_DOAS,
    });
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(resultOf(stdout).stdout).to.equal('nobody');
    const refused = await runWith({ 'site.yml': site('community.general.doas', 'daemon'), hosts }, RUN, {
      shell: WITH_DOAS,
    });
    expect(resultOf(refused.stdout).msg).to.equal(
      'doas does not permit the login user to become daemon (doas.conf)',
    );
  });
});
