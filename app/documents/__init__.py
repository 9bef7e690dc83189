"""Documents and pictures, made of plain facts and ready words: no database, no framework, no clock."""
