"""A run told to people: one self-contained page, a summary for pipelines, and the files machines read. Pure but for
`write`. Charts are drawn here as SVG; the page's script only shows tips and filters a table."""
