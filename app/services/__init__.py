"""Use cases: a module per noun, one public function per verb. They flush and never commit."""
