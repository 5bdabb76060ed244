// Where the versions of a tree stand: rows are generations, a branch takes the nearest free column.

/** `rows`: [{id, parent}] with parents first. Returns Map id → {row, column} and the counts. */
export function layout(rows) {
  const children = new Map();
  const known = new Set(rows.map((row) => row.id));
  const roots = [];
  for (const row of rows) {
    if (row.parent && known.has(row.parent)) {
      if (!children.has(row.parent)) children.set(row.parent, []);
      children.get(row.parent).push(row.id);
    } else roots.push(row.id);
  }
  const places = new Map();
  let top = 0;
  let columns = 1;
  for (const root of roots) {
    const taken = [];
    let bottom = top;
    const lines = [{ id: root, row: top, from: -1 }];
    while (lines.length) {
      const { id, row, from } = lines.pop();
      const line = [];
      for (let at = id; at; at = children.get(at)?.[0]) line.push(at);
      const end = row + line.length - 1;
      const column = free(taken, from + 1, row, end);
      (taken[column] ||= []).push([row, end]);
      columns = Math.max(columns, column + 1);
      bottom = Math.max(bottom, end);
      line.forEach((node, index) => {
        places.set(node, { row: row + index, column });
        for (const branch of (children.get(node) || []).slice(1).reverse()) lines.push({ id: branch, row: row + index + 1, from: column });
      });
    }
    top = bottom + 2;
  }
  return { places, rows: Math.max(0, top - 1), columns };
}

function free(taken, first, start, end) {
  let column = Math.max(0, first);
  while ((taken[column] || []).some(([from, to]) => from <= end && start <= to)) column += 1;
  return column;
}
