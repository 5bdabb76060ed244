// What a clipboard or a drop brings: pictures, words, or an address that is neither.

/** A version that is dragged within the page: its picture's digest. */
export const DIGEST_TYPE = "application/x-kontext-digest";

/** @typedef {{files: File[], text: string, address: boolean}} Brought */

const ADDRESS = /^(?:https?|data|blob|file):\S+$/i;
const LINE = /\r\n?|\n/;

/**
 * Office and mail programs put a picture of a text beside it, file managers the names of files; a browser that drags
 * a picture brings its address alone.
 * @param {DataTransfer | null | undefined} data
 * @returns {Brought}
 */
export function broughtBy(data) {
  if (data?.types.includes(DIGEST_TYPE)) return { files: [], text: "", address: false };
  const files = [...(data?.files ?? [])];
  const text = data?.getData("text/plain").trim() ?? "";
  const lines = text.split(LINE).map((line) => line.trim());
  const names = new Set(files.map(({ name }) => name));
  const named = lines.every((line) => names.has(line.replace(/^.*[/\\]/, "")));
  const aside = text === "" || ADDRESS.test(text) || (files.length > 0 && named);
  const address = files.length === 0 && (ADDRESS.test(text) || Boolean(data?.getData("text/uri-list").trim()));
  if (aside) return { files, text: "", address };
  return { files: [], text: data?.getData("text/plain") ?? "", address };
}

export const ADDRESS_ONLY =
  "That brought an address and no picture. Copy the picture itself and paste it, or save it and drop the file.";
