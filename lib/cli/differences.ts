/** Where the language differs from Ansible's on purpose, for the compatibility page. */
export const DIFFERENCES: readonly { readonly what: string; readonly why: string }[] = [
  {
    what: 'Mistakes are found before any host is contacted.',
    why: 'Unknown keys, modules, arguments, filters, tests, lookups and roles, wrong types and missing files are reported together with file, line and column; Ansible finds many of them one at a time, during the run. Where a task may never be reached (a `when`, `rescue`, `ignore_errors`, `loop` or the tag `never` stands before it), what is wrong in it is a warning, and an error with `--strict`.',
  },
  {
    what: 'Variables of roles with argument specs are looked at before the run, too.',
    why: 'A literal value of the wrong type is refused with its place, and so is a name that nothing refers to and that is a slip away from one of the options; Ansible checks the values on the hosts, and never the names.',
  },
  {
    what: 'Native types.',
    why: 'A template that is one expression keeps its type, numbers included, as with `jinja2_native` and from ansible-core 2.19 on. Text put together from parts stays text when it looks like a number, and becomes a list or mapping when it spells one, as before 2.19. None in a text leaves nothing.',
  },
  {
    what: 'A key given twice is an error.',
    why: 'Ansible warns and takes the last one; one of the two was not meant.',
  },
  {
    what: 'Check mode says "unknown" where Ansible guesses or fails.',
    why: 'A command is not run, so what depends on its result is unknown; a module that fails for want of a change that was only predicted is unknown too. Both count as skipped.',
  },
  {
    what: 'Facts are gathered by a shell script.',
    why: 'Names are Ansible’s; facts that only Python can give (`ansible_python`) are missing.',
  },
  {
    what: 'One login and one shell per host and user, for the whole run.',
    why: 'Groups a user gets during the run count after `meta: reset_connection`.',
  },
  { what: '--forks is 50 by default.', why: 'A host at work costs the control side almost nothing.' },
  {
    what: 'Of ansible.cfg and the ANSIBLE_… variables the settings listed below count.',
    why: 'The others are about Python, plugins or looks.',
  },
  {
    what: 'Inventories that do not exist stop a run when there is no other.',
    why: 'Ansible warns, matches no host and ends well: a slip in a name would look like success.',
  },
  {
    what: 'Unknown host keys are refused.',
    why: 'The message has the fingerprint and the way to accept it; `--accept-new-host-keys` trusts at the first login. There is no question in the middle of a run.',
  },
  {
    what: 'Roles are also found in the folder `roles` next to the folder of the playbook.',
    why: 'That is how this package is laid out.',
  },
  {
    what: 'A file or role that a dynamic include does not find is a failed task like others.',
    why: 'Ansible counts the file as failed even when a block rescues it, and the role not at all.',
  },
  {
    what: '`password_hash` hashes in 5000 rounds unless told.',
    why: 'That is what crypt(3) does; Ansible does it too, but for the hosts where it finds passlib.',
  },
  {
    what: '--list-tasks names the tasks of `rescue` and `always` too.',
    why: 'They may run, and --start-at-task finds them.',
  },
  {
    what: 'A loop whose items touch different things is probed, and written, in one go.',
    why: 'Results are those of running one after the other.',
  },
];

/** What Ansible has and this does not, with the reason. */
export const NOT_HERE: readonly { readonly what: string; readonly why: string }[] = [
  { what: 'plugins and modules written in Python', why: 'there is no Python on either side' },
  { what: 'inventory plugins other than constructed', why: 'a program that prints JSON is an inventory too' },
  { what: '`strategy: debug` and the keyword `debugger`', why: 'accepted, but no debugger opens' },
  { what: 'cloud, network and Windows modules', why: 'outside what this is for' },
  { what: 'connections other than `ssh` and `local`', why: 'outside what this is for' },
];
