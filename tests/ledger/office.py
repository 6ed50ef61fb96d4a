"""A real office suite for the tests: LibreOffice without a screen, driven by a macro of its own."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

SECONDS = 180
MODULE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1"
 script:language="StarBasic">{}</script:module>
"""
# Edits are lines of `address TAB text`; \\n in a text is a line break. They are read from a file, as an argument of a
# macro holds neither quotes nor commas.
MACRO = """
Sub Run(source As String, target As String, edits As String)
  Dim hidden(0) As New com.sun.star.beans.PropertyValue
  hidden(0).Name = "Hidden"
  hidden(0).Value = True
  book = StarDesktop.loadComponentFromURL(source, "_blank", 0, hidden())
  sheet = book.Sheets.getByIndex(0)
  files = CreateUnoService("com.sun.star.ucb.SimpleFileAccess")
  lines = CreateUnoService("com.sun.star.io.TextInputStream")
  lines.setInputStream(files.openFileRead(edits))
  lines.setEncoding("UTF-8")
  Do While Not lines.isEOF()
    line = lines.readLine()
    If InStr(line, Chr(9)) > 0 Then
      cell = sheet.getCellRangeByName(Left(line, InStr(line, Chr(9)) - 1))
      cell.String = Join(Split(Mid(line, InStr(line, Chr(9)) + 1), "\\n"), Chr(10))
    End If
  Loop
  lines.closeInput()
  Dim how(0) As New com.sun.star.beans.PropertyValue
  how(0).Name = "FilterName"
  how(0).Value = "Calc MS Excel 2007 XML"
  book.storeToURL(target, how())
  book.close(True)
End Sub
"""


def soffice() -> str | None:
    """The program, if it is there with its spreadsheet."""
    program = shutil.which("soffice")
    return program if program and (Path(program).resolve().parent / "libsclo.so").exists() else None


class Office:
    """A LibreOffice with a fresh profile in `folder`."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.profile = folder / "profile"
        self._run("--terminate_after_init")
        module = self.profile / "user" / "basic" / "Standard" / "Module1.xba"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(MODULE.format(escape(MACRO)), encoding="utf-8")
        library = module.with_name("script.xlb")
        library.write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<!DOCTYPE library:library PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "library.dtd">\n'
            '<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard"'
            ' library:readonly="false" library:passwordprotected="false">'
            '<library:element library:name="Module1"/></library:library>\n',
            encoding="utf-8",
        )

    def edit(self, data: bytes, edits: Iterable[tuple[str, str]] = ()) -> bytes:
        """The workbook opened, the cells (by address: D3) typed over, and saved."""
        source, target, list_ = (self.folder / name for name in ("source.xlsx", "target.xlsx", "edits.txt"))
        source.write_bytes(data)
        target.unlink(missing_ok=True)
        lines = (f"{address}\t{text.replace(chr(10), chr(92) + 'n')}\n" for address, text in edits)
        list_.write_text("".join(lines), encoding="utf-8")
        urls = ",".join(f'"file://{quote(str(path))}"' for path in (source, target, list_))
        self._run(f"macro:///Standard.Module1.Run({urls})")
        return target.read_bytes()

    def _run(self, *words: str) -> None:
        command = [
            str(soffice()),
            "--headless",
            "--norestore",
            f"-env:UserInstallation=file://{quote(str(self.profile))}",
        ]
        subprocess.run([*command, *words], check=True, timeout=SECONDS, capture_output=True)
