// What the holder of a token may do, as the server has it (docs/api.md#roles). The server decides; this
// only keeps buttons away that would be refused.

const RIGHTS = {
  viewer: [],
  operator: ["operate"],
  release: ["release"],
  author: ["author"],
  approver: ["approve"],
  admin: ["operate", "release", "author", "approve", "admin"],
};

/** Roles that have one of the rights, but for that which has all. */
export const rolesWith = (...rights) => Object.keys(RIGHTS).filter((role) => role !== "admin" && may({ role }, ...rights));

export const may = (me, ...rights) => rights.some((right) => RIGHTS[me.role]?.includes(right));
