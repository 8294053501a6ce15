/** Text as a regular expression, of JavaScript or of `grep -E`, that matches exactly this text. */
export const escapeRegExp = (text: string): string => text.replace(/[\\^$.|?*+(){}[\]]/g, '\\$&');
