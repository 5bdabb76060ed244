"""What every server of these tests imports, imported once: each then starts as a copy of this process."""

from kontext_ui.settings import silence_telemetry

silence_telemetry()

import kontext_ui.bootstrap  # noqa: E402
import kontext_ui.web.server  # noqa: E402, F401  # Gradio reads the environment while it is imported
