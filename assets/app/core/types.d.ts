// Written by `make tables` from the Python rows (tests/tools/row_types.py). Do not edit.

export interface AccessKeyRow {
  id: string;
  name: string;
  made_at: string;
  budget_usd: number | null;
  spent_usd: number;
}

export interface BackendRow {
  id: string;
  label: string;
  ready: boolean;
  reason: string;
  hint: string;
  model: string;
  price_usd: number | null;
  price_note: string;
  price_by_size: boolean;
  inpaint_price_usd: number | null;
  typical_s: number;
  modes: string[];
  parameters: Parameter[];
  unsupported: Record<string, string>;
  max_reference_images: number;
  notes: string[];
  examples: string[];
  full_resolution: boolean;
  takes_key: boolean;
  own_key: boolean;
}

export interface BuilderActionRow {
  id: string;
  label: string;
  needs_subject: boolean;
  needs_state: boolean;
  state_label: string;
  example: string;
}

export interface BuilderRow {
  actions: BuilderActionRow[];
  preservable: string[];
}

export interface EditDraft {
  instruction: string;
  prompt: string;
  references: Reference[];
  mask: string | null;
  region: Rectangle | null;
  lock: "auto" | "always" | "off";
  feather_px: number | null;
  native_mask: boolean;
  side_by_side: boolean;
  preserve: boolean;
  keep_character: boolean | null;
  model: string;
  parameters: Parameters;
  tier: "pro" | "max" | "dev" | "local";
  backend: string | null;
  parent: string | null;
  from_text: boolean;
  after: string | null;
}

export interface EditRequest {
  instruction: string;
  prompt?: string;
  references?: Reference[];
  mask?: string | null;
  region?: Rectangle | null;
  lock?: "auto" | "always" | "off";
  feather_px?: number | null;
  native_mask?: boolean;
  side_by_side?: boolean;
  preserve?: boolean;
  keep_character?: boolean | null;
  model?: string;
  parameters?: Parameters;
  tier: "pro" | "max" | "dev" | "local";
  backend: string;
  input_image?: string | null;
  sent_prompt?: string;
}

export interface ErrorRow {
  kind: string;
  message: string;
  hint: string;
  billed: "yes" | "no" | "maybe";
  suggestions: string[];
}

export interface ExampleRow {
  url: string;
  alt: string;
  instruction: string;
}

export interface FailureRow {
  kind: string;
  message: string;
  hint: string;
  billed: "yes" | "no" | "maybe";
  backend: string | null;
  request_id: string | null;
  may_retry: boolean;
  suggestions: string[];
  capable_tier: string | null;
}

export interface FoundMask {
  digest: string;
  how: string;
  others: string[];
}

export interface Hint {
  id: string;
  text: string;
  label: string;
  replacement: string;
  settings: Record<string, any>;
}

export interface JobRow {
  id: string;
  parent: string | null;
  instruction: string;
  request: EditRequest;
  backend_label: string;
  state: string;
  price_usd: number | null;
  created_at: string;
  version: string | null;
  after: string | null;
  dismissed: boolean;
  fallback_from: string | null;
  can_check: boolean;
  failure: FailureRow | null;
}

export interface ModelRow {
  model: string;
  label: string;
  chosen: string | null;
  backends: BackendRow[];
}

export interface OutcomeRow {
  tier: string;
  backend: string;
  backend_label: string;
  model: string;
  seconds: number;
  price_usd: number | null;
  seed: number | null;
  description: string;
  changed: number | null;
  change_mask: string | null;
  adjustable: boolean;
  adjusted_px: number | null;
  warnings: string[];
  alternatives: string[];
  meters: Record<string, number>;
  understood: string[];
}

export interface OverviewRow {
  things: ThingRow[];
  sky: boolean;
  subject: boolean;
  words: string[];
  for_reader: Suggestion[];
  for_model: Suggestion[];
}

export interface Parameter {
  name: string;
  label: string;
  kind: "int" | "float" | "bool" | "choice" | "text";
  default: any;
  minimum: number | null;
  maximum: number | null;
  step: number | null;
  choices: string[];
  help: string;
}

export interface Parameters {
  aspect_ratio?: string | null;
  seed?: number | null;
  safety_tolerance?: number | null;
  prompt_upsampling?: boolean | null;
  num_inference_steps?: number | null;
  guidance_scale?: number | null;
  style_preset?: string | null;
  output_format?: string | null;
  width?: number | null;
  height?: number | null;
  progressive?: boolean | null;
  acceleration?: string | null;
  resolution?: string | null;
  grounding?: boolean | null;
}

export interface Patch {
  revision: number;
  project: ProjectRow | null;
  versions: VersionRow[];
  removed_versions: string[];
  jobs: (JobRow | ProgressRow)[];
  tiers: TierRow[] | null;
  elsewhere: boolean;
}

export interface ProgressRow {
  id: string;
  fraction: number | null;
  stage: string;
  queue_position: number | null;
  preview: string | null;
}

export interface ProjectRow {
  id: string;
  title: string;
  head: string | null;
  redo: string | null;
  draft: string;
  hidden_count: number;
  spent_usd: number;
  unsure_usd: number;
  budget_usd: number | null;
  version_count: number;
  cover: string | null;
  updated_at: string;
  deleted: boolean;
}

export interface QueueRow {
  id: string;
  project: string;
  project_title: string;
  instruction: string;
  backend_label: string;
  state: string;
  waits: boolean;
  stage: string;
  fraction: number | null;
  queue_position: number | null;
  price_usd: number | null;
  created_at: string;
}

export interface ReceiptRow {
  tier: string;
  backend: string;
  backend_label: string;
  model: string;
  price_usd: number | null;
  price_note: string;
  typical_s: number;
  geometry: string;
  prompt: string;
  warnings: string[];
  remarks: string[];
}

export interface RecipeStep {
  instruction: string;
  prompt: string;
  references: Reference[];
  mask: string | null;
  region: Rectangle | null;
  lock: "auto" | "always" | "off";
  feather_px: number | null;
  native_mask: boolean;
  side_by_side: boolean;
  preserve: boolean;
  keep_character: boolean | null;
  model: string;
  parameters: Parameters;
  tier: "pro" | "max" | "dev" | "local";
  backend: string;
  drawn_by: string;
  seed: number | null;
  digest: string;
}

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Reference {
  image: string;
}

export interface Snapshot {
  revision: number;
  project: ProjectRow | null;
  versions: VersionRow[];
  removed_versions: string[];
  jobs: (JobRow | ProgressRow)[];
  tiers: TierRow[] | null;
  elsewhere: boolean;
  preferences: Record<string, any> | null;
  examples: ExampleRow[];
  notice: string;
}

export interface SpendingRow {
  branch_usd: number;
  projects: SpentRow[];
  models: SpentRow[];
  days: SpentRow[];
}

export interface SpentRow {
  id: string;
  label: string;
  paid_usd: number;
  unsure_usd: number;
  edits: number;
}

export interface Suggestion {
  label: string;
  text: string;
}

export interface ThingRow {
  name: string;
  said: string;
  count: number;
  place: string;
}

export interface TierRow {
  tier: string;
  label: string;
  chosen: string | null;
  backends: BackendRow[];
  others: ModelRow[];
}

export interface VersionRow {
  id: string;
  number: number;
  parent: string | null;
  digest: string;
  width: number;
  height: number;
  alpha: boolean;
  instruction: string;
  name: string | null;
  starred: boolean;
  created_at: string;
  job: string | null;
  source: Record<string, string> | null;
  request: EditRequest | null;
  outcome: OutcomeRow | null;
}
