"""What the words over a column, or those before a colon, say of what stands there."""

import re
from collections.abc import Iterable, Sequence

PROBLEM, SEEN, KIND, MEASURE = "problem", "seen", "kind", "measure"
TOWN, AREA, PLACE, VENUE, NUMBER, OTHER = "town", "area", "place", "venue", "number", "other"
"""`SEEN` tells what was met, good or bad; `KIND` only what sort of problem; `AREA` is a village or community."""
WHERE = (AREA, PLACE, VENUE)
WRONG = (PROBLEM, SEEN, KIND)

_ROLES = (
    (NUMBER, re.compile("^(?:序号?|编号|排名|排序|名次|[Nn][Oo][.．]?|№)$")),
    (
        OTHER,
        re.compile(
            "依据|责任(?!镇街|街道|乡镇|社区)|联系|得分|评分|总分|分数|分值|电话|时间|日期|负责|序号|编号|备注|期限|时限|检查人|测评员|服务企业|施工|建设单位|"
            "监理|物业(?!小区)|(?<!被)(?:[回答]复|办理|承办|来[信电]|发布|报送|填报|印发|转办|交办|受理|主办|协办|采样|检测|检验|执法)(?:单位|机构|部门|机关)|"
            "照片|图片|签[字名]|签收|来源|面积|法人|代表人|代码|证号|许可证|督办|牵头|检查组|颜色|频次|评级|星级|监管(?!措施)|包保|网格|[路河林湖段田]长$|分管|^是否(?!整改)|管辖|挂[点联钩]|项次|人数|[数次](?:量|$)|"
            "^(?:问题|隐患)?(?:等级|级别|性质|状态)$|扣分(?:值|标准|分值|依据)$"
        ),
    ),
    (VENUE, re.compile("(?:点位|部位|地点)名称$")),
    (PLACE, re.compile("(?:地点|地址|位置|所在地|部位|路段|住所|(?:经营|营业|生产|检查)场所)$")),
    (VENUE, re.compile("(?<!整改)(?<!处理)(?<!查处)(?:单位|企业|商户|门店|主体|场所|名单)$")),
    (KIND, re.compile("(?:问题|隐患|违法|违规|案件|诉求)?(?:类别|类型|种类|分类)$|扣分项目$|^大类$|^小类$")),
    (
        PROBLEM,
        re.compile(
            "问题|不符合|不合格|违[规法章]|看到|发现|查到|短板|不足|毛病|隐患|事由|反映内容|诉求内容|主要内容|扣分|缺陷|缺项|"
            "(?:曝光|通报|查封|点名|上榜|入选|失分)(?:内容|原因|事由|理由)|处罚(?:原因|事由|理由)|失分|案由|不达标|诉求|投诉(?!单位|地)|举报(?!单位|地)|(?<!良好)现象"
        ),
    ),
    (SEEN, re.compile("^(?:现场|监督)?(?:检查|抽查|督查|巡查|暗访)结果$")),
    (
        MEASURE,
        re.compile("怎么办|去向|反馈|查处|销号|后续|处理|处置|措施|整改|处罚|要求|办理|结果|结论|怎么处|落实情况|复查"),
    ),
    (
        SEEN,
        re.compile(
            "所见|^(?:现场|具体|存在|检查|巡查|督查|暗访|核查|现状|有关|主要|简要|基本)?(?:情况|描述|说明|详情|现状|内容|记录)(?:描述|说明)?$"
        ),
    ),
    (TOWN, re.compile("属地|县区|区县|园区|街道|乡镇|镇街|街镇|镇乡|街乡|所属|所在(?!地|位)|辖区|区域|片区|镇$")),
    (PLACE, re.compile("地址|地点|位置|住所|点位|所在|地块|(?:具体|详细)地|部位|门牌|坐落|楼栋|楼号|房号|单元")),
    (
        AREA,
        re.compile(
            "^(?:村[居组级]?|社区|行政村|村庄|村名|居委会|村委会|村[／/、]?社区|村（社区）|社区（村）|村（居）|村屯|自然村)(?:名称)?$"
        ),
    ),
    (
        VENUE,
        re.compile(
            "名称|单位|商户|企业|场所|门店|主体|摊|档口|店铺|店名|市场|小区|字号|对象|村庄|村名|社区|路段|河道|学校|工地|项目|"
            "当事人|公司|药店|餐馆|公园|公厕|商家|经营户|户名|业户|酒店|餐厅|河流|养[殖老]|出租屋|车站|机构|线路|商铺|食堂|医院|诊所|宾馆|旅馆|(?<![地节])点$"
        ),
    ),
)
_LONGEST = 12
_PARTS = (
    "序号|编号|序|所属|所在|当事|被|受|检|查|抽|检查|抽查|抽检|巡查|督查|暗访|存在|的|主要|具体|详细|现场|突出|发现|经营|整改|处理|处置|办理|核查|处罚|"
    "责任|完成|考核|问题|隐患|违法|违规|综合|扣分|单位|商户|企业|场所|门店|市场|小区|学校|项目|店铺|店|摊位|档口|点位|名称|名|地址|地点|"
    "位置|属地|县区|区县|园区|街道|乡镇|镇街|镇|乡|社区|村居|村|区域|辖区|情况|描述|内容|说明|表现|明细|行为|事实|意见|结果|措施|要求|时限|期限|状态|人|"
    "部门|时间|日期|备注|得分|分数|评分|分值|总分|分|值|排名|名次|负责|联系|电话|照片|等级|颜色|签字|结论|姓名|状况|进展|建议|原因|类别|类型|对象|主体|不符合项|不合格项目?|及|和|与|[（）、/／]"
)
_WORD = re.compile(f"(?:{_PARTS})+")
"""A heading that is made of nothing but the words of headings: 所属街道, but not 望江路街道."""
_KEY = re.compile(
    "(?:名称|地址|地点|位置|所在地|住址|[物测查样题]点|问题|隐患|情况|意见|措施|结果|要求|时间|日期|[位人话间限别号注称]|内容|描述|事实|行为)$"
)
_NOTHING = re.compile(
    r"(?:[-—–－/／\\√✓✔☑○〇*.。\s]|无|暂无|没有|未发现|未见|合格|正常|良好|优秀?|符合(?:要求)?|已?达标|通过|完好|较好|满意|N/?A|空)*"
    r"|(?:检查)?(?:暂?未发现|未见|没有发现|暂?无|没有)(?:明显|任何|突出|其他|违法|违规)*(?:问题|隐患|异常|违法行为|违规行为|情况)?(?:存在)?。?"
)
_BRACKETS = re.compile("[【】〖〗《》\\s]")


def role_of(word: str) -> str | None:
    """What stands under a heading; None where the word is none that heads a column."""
    word = _BRACKETS.sub("", word).translate(str.maketrans("()", "（）"))
    if not word or len(word) > _LONGEST:
        return None
    return next((role for role, pattern in _ROLES if pattern.search(word)), None)


def is_nothing(cell: str) -> bool:
    """Whether the whole of a cell says that nothing is wrong, or nothing at all."""
    return _NOTHING.fullmatch(cell.strip()) is not None


def is_head(word: str) -> bool:
    """Whether a word can only be a heading, and no name that ends like one."""
    return role_of(word) is not None and _WORD.fullmatch("".join(word.split())) is not None


def is_key(word: str) -> bool:
    """Whether a word can be the key of a value beside it or behind a colon."""
    return role_of(word) is not None and _KEY.search("".join(word.split())) is not None


def pairs_of(cells: Sequence[str]) -> list[tuple[str, str]]:
    """单位名称 | 某店 | 电话 | …: keys and values of a form that is drawn as a table; none where it is no form."""
    if len(cells) % 2:
        return []
    pairs = list(zip(cells[::2], cells[1::2], strict=True))
    return pairs if all(is_key(key) and not is_head(value) for key, value in pairs) else []


def roles_of(cells: Sequence[str]) -> dict[str, list[int]]:
    """The columns of each role, in their order; a village beside a venue only tells where the venue lies."""
    roles: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        if role := role_of(cell):
            roles.setdefault(role, []).append(place)
    return roles


def is_header(cells: Iterable[str]) -> bool:
    """Whether cells are the words over the columns of a table that tells what is wrong where."""
    words = ["".join(cell.split()) for cell in cells if cell.strip()]
    if len(words) < 2 or any(len(word) > _LONGEST or re.search("[\\d，。；：！？]", word) for word in words):
        return False
    if any(map(is_nothing, words)) or sum(map(is_head, words)) < 2:
        return False
    roles = [role_of(word) for word in words]
    known = sum(role is not None for role in roles)
    where = any(role in (*WHERE, TOWN) for role in roles) or any("点位" in word for word in words)
    return known * 3 >= len(words) * 2 and where and any(role in WRONG for role in roles)
