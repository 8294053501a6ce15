/**
 * What all objects share stays as it is. Every program imports this file first: no key that comes from a host, here or in
 * a library, can give a property to all objects. Without the accessor `__proto__` an assignment to that key makes an
 * ordinary entry, and the frozen prototype takes no other one.
 */
delete (Object.prototype as { __proto__?: unknown }).__proto__;
Object.freeze(Object.prototype);
