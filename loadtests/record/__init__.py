"""What a load run leaves behind: one sample per request, marks on its timeline, and facts about the run. Pure but for
`folder`, which alone reads and writes files."""
